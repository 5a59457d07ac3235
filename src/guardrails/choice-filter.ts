import { type OutputLimits } from '../kernel/snapshot.js';
import { type SourceMatch } from './field-scanner.js';
import { OutputLimiter } from './output-limits.js';
import { type ReportHit, type Rule } from './rule.js';
import { StreamFilter } from './stream-filter.js';
import { appendText, type JsonObject, mapTexts } from './text-fields.js';

/** Why the gateway ended a choice. */
export type GuardrailEnd = 'content_filter' | 'length';

/** Rules and bounds on one choice: each text field has its own state, the bounds are common. */
export class ChoiceFilter {
  /** The choice has ended: by the upstream, or by the gateway. */
  ended = false;
  /** Set where the gateway ended it. */
  endedBy: GuardrailEnd | undefined;
  readonly #fields = new Map<string, StreamFilter>();
  readonly #limiter: OutputLimiter;

  constructor(
    private readonly index: number,
    private readonly rules: readonly Rule[],
    limits: OutputLimits,
    private readonly report: ReportHit,
  ) {
    this.#limiter = new OutputLimiter(limits);
  }

  /** Filters the texts of a delta in place; returns whether anything changed. */
  filter(holder: JsonObject): boolean {
    let counted = false;
    return mapTexts(holder, (path, text) => {
      if (this.endedBy) return '';
      if (text === '') return text;
      if (!counted && !this.#limiter.countDelta()) {
        this.#end('length');
        return '';
      }
      counted = true;
      return this.#filterText(path, text);
    });
  }

  /** Filters the texts of a whole message in place; returns whether anything changed. */
  filterWhole(message: JsonObject): boolean {
    return mapTexts(message, (path, text) => {
      if (this.endedBy) return '';
      if (this.rules.length === 0) return this.#limit(text);
      const filter = new StreamFilter(this.rules, this.#reporter(path));
      const kept = this.#settle(filter, filter.push(text));
      return kept + this.#settle(filter, filter.finish());
    });
  }

  /** The field texts end: adds what was held to the delta; returns whether there was anything. */
  flush(delta: JsonObject): boolean {
    let added = false;
    for (const [path, filter] of this.#fields) {
      if (this.endedBy) break;
      const rest = this.#settle(filter, filter.finish());
      if (rest === '') continue;
      appendText(delta, path, rest);
      added = true;
    }
    return added;
  }

  #filterText(path: string, text: string): string {
    if (this.rules.length === 0) return this.#limit(text);
    let filter = this.#fields.get(path);
    if (filter === undefined) {
      filter = new StreamFilter(this.rules, this.#reporter(path));
      this.#fields.set(path, filter);
    }
    return this.#settle(filter, filter.push(text));
  }

  #settle(filter: StreamFilter, released: string): string {
    const kept = this.#limit(released);
    if (filter.blocked && !this.endedBy) this.#end('content_filter');
    return kept;
  }

  #limit(text: string): string {
    const kept = this.#limiter.cut(text);
    if (this.#limiter.reached) this.#end('length');
    return kept;
  }

  #end(by: GuardrailEnd): void {
    this.ended = true;
    this.endedBy = by;
  }

  /** A rule is reported once per field: a caller must not fill the log. */
  #reporter(path: string): (match: SourceMatch) => void {
    const seen = new Set<string>();
    const field = `choices[${this.index}].${path}`;
    return ({ ruleId, action, start }) => {
      if (seen.has(ruleId)) return;
      seen.add(ruleId);
      this.report({ ruleId, action, direction: 'output', field, offset: start });
    };
  }
}
