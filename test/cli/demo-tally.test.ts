import test from 'ava';
import { passed, renderReport } from '../../cli/demo/report.ts';
import { assembleReport } from '../../cli/demo/assemble.ts';
import { type Shown, tally, type Told } from '../../cli/demo/tally.ts';

const shown = (name: string, labels: string[], alarm = false): Shown => ({
  name,
  node: 'press-1',
  deployment: 'line-labels',
  labels,
  alarm,
});
const told = (name: string, labels: string[] = []): Told => ({
  name,
  node: 'press-1',
  deployment: 'line-labels',
  labels,
});

test('every label is counted once, and only what was read exactly is right', (t) => {
  const result = tally([shown('a', ['LOT 1', 'LOT 1', 'EXP 2'])], [told('a', ['LOT 1', 'EXP 3'])], []);
  t.deepEqual(result.labels, { shown: 3, right: 1 });
});

test('what was lost, repeated, missed and falsely raised is named', (t) => {
  const result = tally(
    [shown('a', [], true), shown('b', []), shown('c', [], true)],
    [told('a'), told('b'), told('b')],
    [told('a'), told('b')],
  );
  t.is(result.once, 1);
  t.deepEqual(result.lost, ['c']);
  t.deepEqual(result.repeated, ['b']);
  t.deepEqual(result.alarms, { expected: 2, raised: 1, missed: ['c'], false: ['b'] });
});

test('the same name on another node is another thing', (t) => {
  const result = tally([shown('a', [])], [{ ...told('a'), node: 'kiosk-2' }], []);
  t.deepEqual(result.lost, ['a']);
});

test('a demo in which nothing happened does not pass, and its report says what did not', (t) => {
  const report = assembleReport({
    shown: [shown('a', ['LOT 1'], true)],
    results: [],
    alarms: [],
    notices: 0,
    nodes: [],
    explanations: [],
    instruments: { messages: 0, calls: 0 },
    stages: [{ name: 'one', ms: 1500, bytes: 2048 }],
  });
  t.false(passed(report));
  const text = renderReport(report);
  t.regex(text, /NO {3}everything shown was handled exactly once.*: 0 of 1/);
  t.regex(text, /one +1\.5 s +2\.0 KiB/);
});
