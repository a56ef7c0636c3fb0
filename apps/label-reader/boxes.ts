import type { TurnedBox } from 'floormesh/app';
import type { Point } from './regions.ts';

/** A box this much longer than high has a direction; a rounder one is taken as upright. */
const DIRECTED_ASPECT = 1.5;

/**
 * The turned rectangle of least area around points: one of its sides lies on an edge of their convex hull (Freeman and
 * Shapira 1975). Text runs along its longer side; the angle lies within ±90°.
 */
export function boxAround(points: readonly Point[]): TurnedBox {
  const hull = convexHull(points);
  let best: TurnedBox | undefined;
  for (const [i, from] of hull.entries()) {
    const to = hull[(i + 1) % hull.length]!;
    const box = boxAtAngle(hull, Math.atan2(to.y - from.y, to.x - from.x));
    if (best === undefined || box.width * box.height < best.width * best.height) best = box;
  }
  if (best === undefined) throw new TypeError('no box around no points');
  return alongText(best);
}

/**
 * Grows a box by `area * ratio / perimeter` on every side: the inverse of the shrinking that a differentiable
 * binarisation detector is trained with (Liao et al. 2020, section 3.4).
 */
export function unclip(box: TurnedBox, ratio: number): TurnedBox {
  const distance = (box.width * box.height * ratio) / (2 * (box.width + box.height));
  return { ...box, width: box.width + 2 * distance, height: box.height + 2 * distance };
}

/** The mean of the map's values inside a box. */
export function meanInside(map: Float32Array, width: number, height: number, box: TurnedBox): number {
  const [cos, sin] = [Math.cos(box.angle), Math.sin(box.angle)];
  const reach = Math.hypot(box.width, box.height) / 2;
  let [sum, count] = [0, 0];
  for (let y = Math.max(0, Math.floor(box.y - reach)); y < Math.min(height, box.y + reach); y += 1) {
    for (let x = Math.max(0, Math.floor(box.x - reach)); x < Math.min(width, box.x + reach); x += 1) {
      const [dx, dy] = [x + 0.5 - box.x, y + 0.5 - box.y];
      const inside =
        Math.abs(dx * cos + dy * sin) <= box.width / 2 && Math.abs(dy * cos - dx * sin) <= box.height / 2;
      if (!inside) continue;
      sum += map[y * width + x]!;
      count += 1;
    }
  }
  return count === 0 ? 0 : sum / count;
}

/** The corners of a box, clockwise from the top left of its text. */
export function cornersOf(box: TurnedBox): Point[] {
  const [cos, sin] = [Math.cos(box.angle), Math.sin(box.angle)];
  const signs = [
    [-1, -1],
    [1, -1],
    [1, 1],
    [-1, 1],
  ] as const;
  return signs.map(([signX, signY]) => {
    const [dx, dy] = [(signX * box.width) / 2, (signY * box.height) / 2];
    return { x: box.x + dx * cos - dy * sin, y: box.y + dx * sin + dy * cos };
  });
}

function boxAtAngle(points: readonly Point[], angle: number): TurnedBox {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const { x, y } of points) {
    const [along, across] = [x * cos + y * sin, y * cos - x * sin];
    left = Math.min(left, along);
    right = Math.max(right, along);
    top = Math.min(top, across);
    bottom = Math.max(bottom, across);
  }
  const [middleX, middleY] = [(left + right) / 2, (top + bottom) / 2];
  return {
    x: middleX * cos - middleY * sin,
    y: middleX * sin + middleY * cos,
    width: right - left,
    height: bottom - top,
    angle,
  };
}

/** Turns a box's frame by quarters until its width is the side that the text runs along. */
function alongText(box: TurnedBox): TurnedBox {
  const quarter = Math.PI / 2;
  const turns = Math.round(box.angle / quarter);
  const swapped = turns % 2 !== 0;
  const upright = {
    ...box,
    width: swapped ? box.height : box.width,
    height: swapped ? box.width : box.height,
    angle: box.angle - turns * quarter,
  };
  if (upright.height < upright.width * DIRECTED_ASPECT) return upright;
  const angle = upright.angle > 0 ? upright.angle - quarter : upright.angle + quarter;
  return { ...upright, width: upright.height, height: upright.width, angle };
}

/** The convex hull, by Andrew's monotone chain (1979). */
function convexHull(points: readonly Point[]): Point[] {
  const sorted = [...points].sort((a, b) => a.x - b.x || a.y - b.y);
  const half = (ordered: readonly Point[]): Point[] => {
    const chain: Point[] = [];
    for (const point of ordered) {
      while (chain.length > 1 && !turnsLeft(chain.at(-2)!, chain.at(-1)!, point)) chain.pop();
      chain.push(point);
    }
    return chain.slice(0, -1);
  };
  return [...half(sorted), ...half(sorted.toReversed())];
}

function turnsLeft(a: Point, b: Point, c: Point): boolean {
  return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x) > 0;
}
