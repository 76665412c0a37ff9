/**
 * Resources that are disposed of together, the last first: an AsyncDisposableStack, which Node.js
 * 20 does not have.
 */
export class Resources implements AsyncDisposable {
  readonly #resources: AsyncDisposable[] = [];

  /** Adds a resource, and returns it. */
  use<T extends AsyncDisposable>(resource: T): T {
    this.#resources.push(resource);
    return resource;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const resource of this.#resources.splice(0).reverse())
      await resource[Symbol.asyncDispose]();
  }
}
