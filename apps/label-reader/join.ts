import type { TurnedBox } from 'floormesh/app';
import { boxAround, cornersOf } from './boxes.ts';
import { JOIN } from './constants.ts';

/** Joins boxes that stand one after the other on the same line: words that the detector found apart. */
export function joinLines(boxes: readonly TurnedBox[]): TurnedBox[] {
  const lines: TurnedBox[] = [];
  for (const box of boxes) {
    let line = box;
    // A joined line may reach a further one: look again until nothing changes.
    for (let at = findNext(lines, line); at !== -1; at = findNext(lines, line)) {
      const [other] = lines.splice(at, 1);
      line = boxAround([...cornersOf(line), ...cornersOf(other!)]);
    }
    lines.push(line);
  }
  return lines;
}

function findNext(lines: readonly TurnedBox[], box: TurnedBox): number {
  return lines.findIndex((line) => onOneLine(line, box));
}

function onOneLine(a: TurnedBox, b: TurnedBox): boolean {
  const [low, high] = [Math.min(a.height, b.height), Math.max(a.height, b.height)];
  // A single character's box is nearly square and its angle says little: the longer box says where the line runs.
  const { angle } = a.width > b.width ? a : b;
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const along = Math.abs(dx * Math.cos(angle) + dy * Math.sin(angle));
  const across = Math.abs(dy * Math.cos(angle) - dx * Math.sin(angle));
  return (
    high < low * JOIN.heightRatio &&
    Math.abs(a.angle - b.angle) < JOIN.turn &&
    across < low * JOIN.offset &&
    along - (a.width + b.width) / 2 < low * JOIN.gap
  );
}
