import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { type Automaton, compileAutomaton } from './aho-corasick.js';

/** Fewer texts than this are built in a few milliseconds: starting a worker would take longer. */
const INLINE_BELOW = 500;
const WORKER = new URL('./automaton-worker.js', import.meta.url);

/**
 * Builds an automaton without holding up the event loop: long lists in a worker thread, whose arrays are
 * handed over, not copied. Where the sources run uncompiled there is no worker file: then in this thread.
 * @throws Error where the worker fails
 */
export function buildAutomaton(texts: readonly string[], worker = WORKER): Promise<Automaton> {
  if (texts.length < INLINE_BELOW || !existsSync(worker)) return Promise.resolve(compileAutomaton(texts));
  return new Promise((resolve, reject) => {
    const thread = new Worker(worker, { workerData: texts });
    thread.once('message', (automaton: Automaton) => resolve(automaton));
    thread.once('error', reject);
    // After a message this changes nothing: a promise settles once.
    thread.once('exit', (code) => reject(new Error(`The word list's worker ended with code ${code}.`)));
  });
}
