// What applications answer with: one buffer for each size.

const bodies = new Map<number, Buffer>();

export function body(bytes: number): Buffer {
  let made = bodies.get(bytes);
  if (made === undefined) {
    made = Buffer.alloc(bytes, 'y');
    bodies.set(bytes, made);
  }
  return made;
}
