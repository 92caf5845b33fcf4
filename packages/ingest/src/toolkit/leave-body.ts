/** Lets go of a body nobody reads, so that its connection is free again. Starting to read is what makes it end. */
export async function leaveBody(body: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const _ of body) break;
  } catch {
    // Nobody wanted it.
  }
}
