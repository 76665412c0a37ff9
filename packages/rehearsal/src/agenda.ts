/** What is to happen, by its time; of two at the same time, the one that was added first. */
export class Agenda<T> {
  readonly #heap: { readonly at: number; readonly turn: number; readonly what: T }[] = [];
  #turns = 0;

  add(at: number, what: T): void {
    const heap = this.#heap;
    const entry = { at, turn: this.#turns, what };
    this.#turns += 1;
    let index = heap.length;
    heap.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (!above || isBefore(above, entry)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
  }

  /** Removes what is to happen first, and returns it. */
  next(): { readonly at: number; readonly what: T } | undefined {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (!first || !last || first === last) return first;
    let index = 0;
    for (;;) {
      const [left, right] = [heap[2 * index + 1], heap[2 * index + 2]];
      const isRight = left !== undefined && right !== undefined && isBefore(right, left);
      const below = isRight ? right : left;
      if (!below || isBefore(last, below)) break;
      heap[index] = below;
      index = 2 * index + (isRight ? 2 : 1);
    }
    heap[index] = last;
    return first;
  }
}

function isBefore(
  first: { readonly at: number; readonly turn: number },
  second: { readonly at: number; readonly turn: number },
): boolean {
  return first.at < second.at || (first.at === second.at && first.turn < second.turn);
}
