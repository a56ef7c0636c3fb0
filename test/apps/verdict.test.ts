import test from 'ava';
import { compilePatterns, judge } from '../../apps/label-reader/verdict.ts';
import { readSettings } from '../../apps/label-reader/settings.ts';

const expected = compilePatterns(['LOT \\d+', 'EXP \\d\\d|NO EXPIRY']);
const required = compilePatterns(['LOT .*']);

const CASES: [what: string, texts: string[], ok: boolean, wrong: number[], missing: string[]][] = [
  ['all as it should be', ['LOT 12', 'EXP 03'], true, [], []],
  ['the second alternative of a pattern', ['LOT 12', 'NO EXPIRY'], true, [], []],
  ['a text that only begins as expected', ['LOT 12', 'EXP 031'], false, [1], []],
  ['a wrong one that still is what is required', ['LOT x'], false, [0], []],
  ['what is required is missing', ['EXP 03'], false, [], ['LOT .*']],
  ['nothing at all', [], false, [], ['LOT .*']],
];

for (const [what, texts, ok, wrong, missing] of CASES)
  test(`labels are judged: ${what}`, (t) => {
    t.deepEqual(judge(texts, expected, required), { ok, wrong, missing });
  });

test('without expectations every label will do, but no label will not', (t) => {
  t.true(judge(['anything'], [], []).ok);
  t.false(judge([], [], []).ok);
});

test('a pattern that is no regular expression is named', (t) => {
  t.throws(() => compilePatterns(['LOT (']), { instanceOf: TypeError, message: /LOT \(/ });
});

test('a setting that is wrong is named', (t) => {
  const right = { expected: [], required: [], minScore: 0.5, pictureSide: 1280, detectionSide: 640 };
  t.is(readSettings(right).detectionSide, 640);
  for (const [name, value] of Object.entries({
    expected: 'LOT',
    required: 3,
    minScore: 2,
    pictureSide: 0,
    detectionSide: '640',
  }))
    t.throws(() => readSettings({ ...right, [name]: value }), {
      instanceOf: TypeError,
      message: RegExp(name),
    });
});
