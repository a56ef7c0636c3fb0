import { demoPictures, demoSounds } from '../../apps/make/index.ts';
import type { DemoNode } from './plan.ts';
import { DEPLOYMENTS } from './plan.ts';
import type { DemoSite } from './site.ts';
import type { Shown } from './tally.ts';

/** Shows pictures and plays sounds to nodes, and keeps the truth about each. */
export class Feed {
  readonly shown: Shown[] = [];
  readonly #site: DemoSite;
  #seed = 1;

  constructor(site: DemoSite) {
    this.#site = site;
  }

  /** Renders pictures that no node has seen yet and shows them, the same number to every node with a camera. */
  async pictures(nodes: readonly DemoNode[], each: number): Promise<void> {
    for (const node of nodes.filter(({ camera }) => camera !== 'none')) {
      const pictures = await demoPictures(each, this.#seed);
      this.#seed += each;
      for (const [i, { jpeg, labels, defect }] of pictures.entries()) {
        const name = `part-${String(this.#seed - each + i).padStart(4, '0')}.jpg`;
        const deployment = node.name === 'cart-3' ? DEPLOYMENTS.dock : DEPLOYMENTS.lines;
        this.shown.push({ name, node: node.name, deployment, labels: [...labels], alarm: defect });
        await this.#site.show(node, name, jpeg);
      }
    }
  }

  /** Plays every sound of the collection once to every node with a microphone. */
  async sounds(nodes: readonly DemoNode[]): Promise<void> {
    const sounds = await demoSounds();
    for (const node of nodes.filter(({ microphone }) => microphone))
      for (const { name, wav, impulsive } of sounds) {
        const file = name.endsWith('.wav') ? name : `${name}.wav`;
        this.shown.push({
          name: file,
          node: node.name,
          deployment: DEPLOYMENTS.sound,
          labels: [],
          alarm: impulsive,
        });
        await this.#site.show(node, file, wav);
      }
  }
}
