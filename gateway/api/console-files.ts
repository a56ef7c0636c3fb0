import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';

/** What the console consists of, by path. Nothing else of that folder is served. */
const FILES: Record<string, { file: string; type: string }> = {
  '/': { file: 'index.html', type: 'text/html; charset=utf-8' },
  '/console/console.css': { file: 'console.css', type: 'text/css; charset=utf-8' },
  '/console/parts.css': { file: 'parts.css', type: 'text/css; charset=utf-8' },
  '/console/icon.svg': { file: 'icon.svg', type: 'image/svg+xml' },
  '/console/main.js': { file: 'main.js', type: 'text/javascript; charset=utf-8' },
  '/console/client.js': { file: 'client.js', type: 'text/javascript; charset=utf-8' },
  '/console/dom.js': { file: 'dom.js', type: 'text/javascript; charset=utf-8' },
  '/console/explain.js': { file: 'explain.js', type: 'text/javascript; charset=utf-8' },
  '/console/format.js': { file: 'format.js', type: 'text/javascript; charset=utf-8' },
  '/console/views.js': { file: 'views.js', type: 'text/javascript; charset=utf-8' },
};

/** Own files only, no inline script or style, nobody may frame it. Pictures that need the token come as blobs. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Serves the console. Its files hold nothing of the site, so that they need no token. */
export function consoleRoutes(app: FastifyInstance, dir = consoleDir()): void {
  for (const [path, { file, type }] of Object.entries(FILES))
    app.get(path, async (_request, reply) =>
      reply
        .header('content-type', type)
        .header('content-security-policy', POLICY)
        .header('cache-control', 'no-cache')
        .send(await readFile(join(dir, file))),
    );
}

/** The console's folder: a checkout has it two folders up, the emitted JavaScript in `dist/` three. */
function consoleDir(): string {
  const beside = join(import.meta.dirname, '../../console');
  return existsSync(join(beside, 'index.html')) ? beside : join(import.meta.dirname, '../../../console');
}
