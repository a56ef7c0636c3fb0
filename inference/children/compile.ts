import { flushCompileCache } from 'node:module';
import { serveChild } from '../child/serve-child.ts';

/** Loads what the process of an app loads of floormesh, so that its compiled code is kept, and runs none of it. */
serveChild({
  compile: async () => {
    await import('../app-host/app-runner.ts');
    await import('../app-host/in-order.ts');
    await import('../app/index.ts');
    // Apps without pictures do without it, and so do platforms that have none.
    await import('sharp').catch(() => undefined);
    flushCompileCache();
    return null;
  },
});
