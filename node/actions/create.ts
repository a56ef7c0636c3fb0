import type { ActionInit } from '../init.ts';
import type { ActionTarget } from './action.ts';
import { FileTarget } from './file.ts';
import { HttpTarget } from './http.ts';
import { MqttTarget } from './mqtt.ts';

export function createTarget(init: ActionInit): ActionTarget {
  switch (init.type) {
    case 'mqtt':
      return new MqttTarget(init.url, init.topic);
    case 'http':
      return new HttpTarget(init.url);
    case 'file':
      return new FileTarget(init.path);
  }
}
