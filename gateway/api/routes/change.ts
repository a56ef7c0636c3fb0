import type { FastifyInstance } from 'fastify';
import type { Gateway } from '../../gateway.ts';
import { INFER_TIMEOUT_MS, MAX_INFER_BYTES, PUBLISH_TIMEOUT_MS } from '../constants.ts';
import { parseAcceptBody, parseDeployQuery, parseInferQuery, parsePublishRequest } from '../queries.ts';

/** Routes that change the site. */
export function changeRoutes(app: FastifyInstance, gateway: Gateway): void {
  app.post('/deployments', async ({ body, query, signal }, reply) => {
    const result = await gateway.deploy(body, { ...parseDeployQuery(query), signal });
    return reply.code(result.rollout === undefined ? 200 : 202).send(result);
  });
  app.post<{ Params: { node: string } }>('/nodes/:node/accept', ({ params, body, signal }) =>
    gateway.accept(params.node, parseAcceptBody(body).deployment, { signal }),
  );
  app.post<{ Params: { id: string } }>('/rollouts/:id/pause', ({ params }) =>
    gateway.pauseRollout(params.id),
  );
  app.post<{ Params: { id: string } }>('/rollouts/:id/resume', ({ params }) =>
    gateway.resumeRollout(params.id),
  );
  app.post('/catalog', { handlerTimeout: PUBLISH_TIMEOUT_MS }, async ({ body, signal }, reply) =>
    reply.code(201).send(await gateway.publish(parsePublishRequest(body), { signal })),
  );
}

/** `infer` takes an event's data as it is, of whatever type: this scope has a parser of its own. */
export function inferRoute(app: FastifyInstance, gateway: Gateway): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: MAX_INFER_BYTES }, (_request, body, done) =>
    done(null, body),
  );
  app.post(
    '/infer',
    { bodyLimit: MAX_INFER_BYTES, handlerTimeout: INFER_TIMEOUT_MS },
    ({ body, query, signal }) => {
      const { deployment, kind, name, node } = parseInferQuery(query);
      const data = body instanceof Uint8Array ? body : new Uint8Array();
      return gateway.infer({ deployment, node, event: { kind, name, data } }, { signal });
    },
  );
}
