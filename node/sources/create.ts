import type { Logger } from '../../core/index.ts';
import type { SourceInit } from '../init.ts';
import { FolderSource } from './folder.ts';
import { MqttSource } from './mqtt.ts';
import type { Source } from './source.ts';
import { TimerSource } from './timer.ts';

/** @param owner what keeps one subscriber's sessions apart from another's: node and deployment */
export function createSource(init: SourceInit, owner: string, log: Logger): Source {
  switch (init.type) {
    case 'folder':
      return new FolderSource(init, log);
    case 'mqtt':
      return new MqttSource(init, `floormesh-${owner}-${init.name}`, log);
    case 'timer':
      return new TimerSource(init);
  }
}
