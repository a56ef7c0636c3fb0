import {
  canonicalJson,
  chosenOf,
  type DeploymentSpec,
  type Digest,
  MAX_MANIFEST_BYTES,
  type PackageConfig,
  parseManifest,
  parsePackageConfig,
} from '../../core/index.ts';
import type { BlobStore } from '../../store/index.ts';
import { LOOK_TIMEOUT_MS } from '../constants.ts';
import type { Content } from '../pull/index.ts';
import type { RebuildEngine } from '../rebuild/index.ts';
import { jobOf, runtimeOf } from './job.ts';
import type { OfferRecord } from './records.ts';
import type { Share } from './share.ts';

/**
 * What a share would get now of the same models and was not offered: where a choice was made by prediction, measuring may
 * have led to another build since. In sentences for people; nothing where nothing is better.
 *
 * @throws {NoSourceError} (mesh) when a manifest can't be had now
 */
export async function betterBuilds(
  spec: DeploymentSpec,
  share: Share,
  offer: OfferRecord,
  { content, blobs, engine }: { content: Content; blobs: BlobStore; engine: Pick<RebuildEngine, 'report'> },
): Promise<string[]> {
  const config = await configOf(offer.digest, blobs);
  if (config?.hardwareClass !== share.hardwareClass.id) return [];
  const options = { timeoutMs: LOOK_TIMEOUT_MS };
  const runtime = await runtimeOf(share, content, options);
  const better: string[] = [];
  for (const [alias, entry] of Object.entries(share.models)) {
    const packed = config.models[alias];
    if (packed?.digest !== entry.digest) continue;
    const report = await engine.report(await jobOf(spec, share, entry, runtime, { content, options }));
    if (report === undefined || report.predicted) continue;
    const { name, build, session } = chosenOf(report);
    if (build === undefined || isSame(packed, { build: build.digest, session })) continue;
    better.push(
      `${entry.name} ${entry.version} as ${name} instead of ${packed.recipe}, measured by ${report.measuredBy}`,
    );
  }
  return better;
}

type Build = Pick<PackageConfig['models'][string], 'build'> & {
  session?: PackageConfig['models'][string]['session'] | undefined;
};

function isSame(a: Build, b: Build): boolean {
  return canonicalJson([a.build, a.session ?? {}]) === canonicalJson([b.build, b.session ?? {}]);
}

/** What a package says of itself; undefined when it is not here any more. */
async function configOf(digest: Digest, blobs: BlobStore): Promise<PackageConfig | undefined> {
  if (!(await blobs.has(digest))) return undefined;
  const { config } = parseManifest(await blobs.read(digest, MAX_MANIFEST_BYTES));
  if (!(await blobs.has(config.digest))) return undefined;
  return parsePackageConfig(await blobs.read(config.digest, MAX_MANIFEST_BYTES));
}
