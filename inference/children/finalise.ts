import type { SessionSettings } from '../../core/index.ts';
import { isRecord } from '../channel/messages.ts';
import { serveChild } from '../child/serve-child.ts';
import { finalise } from '../finalise/finalise.ts';
import { loadRuntime } from '../runtimes/load-runtime.ts';

/** Optimises a model for this CPU. No app's code runs here: what it writes is opened by others. */
serveChild({
  finalise: async (params) => {
    if (!isRecord(params)) throw new TypeError('finalise takes a map');
    const runtime = await loadRuntime(String(params['runtimeDir']), {
      name: String(params['name']),
      version: String(params['version']),
      entry: String(params['entry']),
    });
    return finalise(runtime, {
      model: String(params['model']),
      golden: String(params['golden']),
      settings: (params['settings'] ?? {}) as SessionSettings,
      out: String(params['out']),
      worthShare: Number(params['worthShare']),
    });
  },
});
