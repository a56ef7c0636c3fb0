import type { CatalogEntry, DeploymentSpec } from '../../core/index.ts';
import type { Content, RuntimeArtifact } from '../pull/index.ts';
import type { WaitOptions } from '../pull/index.ts';
import type { RebuildJob } from '../rebuild/index.ts';
import type { Share } from './share.ts';

/** The runtime of a share's class, in the variant for its platform. */
export function runtimeOf(share: Share, content: Content, options: WaitOptions): Promise<RuntimeArtifact> {
  return content.openRuntime(share.runtime, share.hardwareClass.runtime.digest, options);
}

/** One model of a share, as it is rebuilt for the share's class. */
export async function jobOf(
  spec: DeploymentSpec,
  { hardwareClass: target }: Share,
  entry: CatalogEntry,
  runtime: RuntimeArtifact,
  { content, options }: { content: Content; options: WaitOptions },
): Promise<RebuildJob> {
  const model = await content.openModel(entry, options);
  const { objective, maxDrop = model.card.maxDrop } = spec;
  return { model, target, runtime, objective, maxDrop };
}
