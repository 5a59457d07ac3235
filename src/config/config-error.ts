/** A configuration that cannot be used: one line per problem, none of which holds a secret. */
export class ConfigError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ConfigError';
  }
}

/** What the checks of one load found: problems refuse the file, warnings go with it. */
export class Findings {
  readonly problems: string[] = [];
  readonly warnings: string[] = [];

  problem(path: string, what: string): void {
    this.problems.push(`${path}: ${what}`);
  }

  warning(path: string, what: string): void {
    this.warnings.push(`${path}: ${what}`);
  }

  /** Throws what was found wrong so far. */
  throwProblems(): void {
    if (this.problems.length > 0) throw new ConfigError(this.problems);
  }
}
