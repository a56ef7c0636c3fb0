import { h } from './dom.js';
import { bytes, milliseconds, percent } from './format.js';

/**
 * Why a node has the builds that it has: every candidate with its figures and what became of it.
 *
 * @typedef {import('../gateway/api/index.ts').Explanation} Explanation
 * @typedef {import('../core/index.ts').RebuildReport} RebuildReport
 */

/** @param {Explanation} explained */
export function explanation(explained) {
  const parts = explained.deployments.flatMap((deployment) => [
    h('h4', null, `${deployment.deployment} revision ${deployment.revision}`),
    h('p.muted', null, deployment.variantReason),
    ...deployment.unsatisfied.map((missing) => h('p.problem', null, missing.message)),
    ...Object.entries(deployment.models).map(([alias, { model, report }]) =>
      report === null
        ? h('p.muted', null, `${alias}: ${model}, not rebuilt yet`)
        : reportTable(alias, report),
    ),
  ]);
  return parts.length > 0 ? parts : [h('p.muted', null, 'Nothing is deployed here.')];
}

/** @param {string} alias @param {RebuildReport} report */
function reportTable(alias, report) {
  const head = ['Recipe', 'Size', 'Accuracy', 'p50', 'Verdict'].map((name) =>
    h('th', { scope: 'col' }, name),
  );
  const rows = report.candidates.map((candidate) =>
    h(
      'tr',
      { 'data-chosen': String(candidate.recipe === report.chosen) },
      h('th', { scope: 'row' }, candidate.recipe),
      h('td.number', null, candidate.build === undefined ? '–' : bytes(candidate.build.size)),
      h('td.number', null, candidate.accuracy === undefined ? '–' : percent(candidate.accuracy.build)),
      h('td.number', null, milliseconds(candidate.measurement?.p50Ms)),
      h('td', null, candidate.verdict ?? candidate.problem ?? ''),
    ),
  );
  return h(
    'div.scroll',
    null,
    h(
      'table.candidates',
      null,
      h(
        'caption',
        null,
        `${alias}: ${report.model.name} ${report.model.version}, best ${report.objective}, measured by ${report.measuredBy}`,
      ),
      h('thead', null, h('tr', null, ...head)),
      h('tbody', null, ...rows),
    ),
  );
}
