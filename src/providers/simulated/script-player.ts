import { type Clock, type Timer } from '../../kernel/clock.js';
import { type Script } from './simulated-engine.js';

/** Where a script is played to: an exchange inside the process, or a connection. */
export interface ScriptSink {
  head(status: number, headers: Readonly<Record<string, string>>): void;
  data(text: string): void;
  /** The answer is complete. */
  end(): void;
  /** The connection breaks. */
  cut(): void;
}

/** Plays one script at its pace; steps without delay go out as one piece, as one read would deliver them. */
export class ScriptPlayer {
  #at = 0;
  /** The step whose delay has passed. */
  #due = -1;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(
    private readonly script: Script,
    private readonly sink: ScriptSink,
    private readonly clock: Clock,
  ) {}

  start(): void {
    if (this.script.headAfterMs !== Infinity) this.#after(this.script.headAfterMs, () => this.#head());
    else if (this.script.end === 'cut') this.#after(0, () => this.sink.cut());
  }

  /** Nobody listens any more: nothing is played from here on. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #head(): void {
    this.sink.head(this.script.status, this.script.headers);
    this.#play();
  }

  #play(): void {
    const { steps } = this.script;
    let text = '';
    for (; this.#at < steps.length; this.#at++) {
      const step = steps[this.#at];
      if (!step) break;
      if (step.afterMs > 0 && this.#due !== this.#at) {
        this.#send(text);
        this.#due = this.#at;
        this.#after(step.afterMs, () => this.#play());
        return;
      }
      text += step.text;
    }
    this.#send(text);
    if (this.script.end === 'close') this.sink.end();
    else if (this.script.end === 'cut') this.sink.cut();
  }

  #send(text: string): void {
    if (text !== '') this.sink.data(text);
  }

  #after(ms: number, then: () => void): void {
    const go = (): void => {
      if (!this.#stopped) then();
    };
    if (ms > 0) this.#timer = this.clock.after(ms, go);
    else queueMicrotask(go);
  }
}
