import type { FastifyInstance } from 'fastify';
import type { Gateway } from '../../gateway.ts';
import { SiteMetrics } from '../../metrics/index.ts';

/** The site's metrics, where monitoring systems look for them: outside of the API's own path. */
export function metricsRoute(app: FastifyInstance, gateway: Gateway): void {
  const metrics = new SiteMetrics(gateway);
  app.addHook('onClose', async () => metrics.close());
  app.get('/metrics', async ({ headers }, reply) => {
    const { contentType, text } = await metrics.read(
      headers.accept?.includes('application/openmetrics-text') === true,
    );
    return reply.header('content-type', contentType).send(text);
  });
}
