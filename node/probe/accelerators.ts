import si from 'systeminformation';
import type { Configuration } from '../../core/index.ts';

type Accelerator = Configuration['accelerators'][number];

/** A machine has no more of them than this. */
const MAX_ACCELERATORS = 32;

/** The graphics processors that the system knows of. Whether a runtime can use one is proven elsewhere, by running. */
export async function probeAccelerators(): Promise<Accelerator[]> {
  const { controllers } = await si.graphics();
  return controllers
    .filter(({ model, vendor }) => model !== '' || vendor !== '')
    .map(({ vendor, model, vram }) => ({
      type: 'gpu',
      name: `${vendor} ${model}`.trim().slice(0, 200),
      memoryMiB: typeof vram === 'number' && vram > 0 ? Math.round(vram) : 0,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .slice(0, MAX_ACCELERATORS);
}
