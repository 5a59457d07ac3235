/** Compiles src into dist where it is stale. */
export function build(): void;
