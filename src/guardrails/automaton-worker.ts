import { parentPort, workerData } from 'node:worker_threads';
import { compileAutomaton } from './aho-corasick.js';

/** Entry of the worker thread: builds one automaton and hands over its memory. */
const automaton = compileAutomaton(workerData as readonly string[]);
parentPort?.postMessage(
  automaton,
  Object.values(automaton).map((array: Int32Array<ArrayBuffer>) => array.buffer),
);
