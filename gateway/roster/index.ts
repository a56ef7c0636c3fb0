/** The nodes of the site. In: facts by gossip, configurations on request. Out: nodes with their configurations. */
export { Roster } from './roster.ts';
export type { RosterChange, RosterNode } from './roster.ts';
