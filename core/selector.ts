import { InvalidInputError } from './errors.ts';
import type { Configuration } from './configuration.ts';

/** What a selector looks at. */
export interface SelectableNode {
  id: string;
  name: string;
  configuration: Configuration;
}

/**
 * Picks nodes: `all`, or terms joined by commas that are each a node's name or id, `label.KEY=VALUE`, `arch=VALUE`,
 * `source=NAME`. A node is picked when any name term names it or, if there are other terms, when all of those hold.
 *
 * @throws {InvalidInputError} for a term of another form
 */
export function selectNodes<T extends SelectableNode>(selector: string, nodes: readonly T[]): T[] {
  const terms = selector
    .split(',')
    .map((term) => term.trim())
    .filter((term) => term !== '');
  if (terms.length === 0)
    throw new InvalidInputError('an empty selector selects nothing; say `all`, or name nodes');
  if (terms.includes('all')) return [...nodes];
  const names = terms.filter((term) => !term.includes('='));
  const rules = terms.filter((term) => term.includes('=')).map(parseRule);
  return nodes.filter(
    (node) =>
      names.includes(node.name) ||
      names.includes(node.id) ||
      (rules.length > 0 && rules.every((rule) => rule(node.configuration))),
  );
}

/** Names in a selector that no node has, so that a typo does not select less in silence. */
export function unknownNames(selector: string, nodes: readonly SelectableNode[]): string[] {
  return selector
    .split(',')
    .map((term) => term.trim())
    .filter((term) => term !== '' && term !== 'all' && !term.includes('='))
    .filter((term) => !nodes.some((node) => node.name === term || node.id === term));
}

function parseRule(term: string): (configuration: Configuration) => boolean {
  const [key = '', value = ''] = term.split('=', 2);
  if (key.startsWith('label.')) return (configuration) => configuration.labels[key.slice(6)] === value;
  if (key === 'arch') return (configuration) => configuration.cpu.arch === value;
  if (key === 'source')
    return (configuration) => configuration.sources.some((source) => source.name === value);
  throw new InvalidInputError(`no selector ${key}=: use label.KEY=, arch= or source=`);
}
