/** A point on the detector's map, in its pixels. */
export interface Point {
  x: number;
  y: number;
}

/** Pixels above a threshold that touch each other: the two ends of every row that they occupy. */
export interface Region {
  ends: Point[];
  pixels: number;
}

/**
 * Finds connected regions (8 neighbours) of a map whose values lie above a threshold, largest first.
 *
 * @param map row by row, `width * height` values
 */
export function findRegions(map: Float32Array, width: number, height: number, threshold: number): Region[] {
  const seen = new Uint8Array(width * height);
  const stack: number[] = [];
  const regions: Region[] = [];
  for (let start = 0; start < seen.length; start += 1) {
    if (seen[start] === 1 || !(map[start]! > threshold)) continue;
    seen[start] = 1;
    stack.push(start);
    const rows = new Map<number, [number, number]>();
    let pixels = 0;
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      const [x, y] = [at % width, Math.floor(at / width)];
      pixels += 1;
      const row = rows.get(y);
      if (row === undefined) rows.set(y, [x, x]);
      else if (x < row[0]) row[0] = x;
      else if (x > row[1]) row[1] = x;
      for (let nearY = Math.max(0, y - 1); nearY <= Math.min(height - 1, y + 1); nearY += 1) {
        for (let nearX = Math.max(0, x - 1); nearX <= Math.min(width - 1, x + 1); nearX += 1) {
          const near = nearY * width + nearX;
          if (seen[near] === 1 || !(map[near]! > threshold)) continue;
          seen[near] = 1;
          stack.push(near);
        }
      }
    }
    regions.push({ ends: corners(rows), pixels });
  }
  return regions.sort((a, b) => b.pixels - a.pixels);
}

/** A pixel covers an area: its outer corners count, not its middle. */
function corners(rows: Map<number, [number, number]>): Point[] {
  return [...rows].flatMap(([y, [left, right]]) => [
    { x: left, y },
    { x: left, y: y + 1 },
    { x: right + 1, y },
    { x: right + 1, y: y + 1 },
  ]);
}
