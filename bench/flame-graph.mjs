// Turns a V8 profile into a flame graph without scripts, and into the shares of the layers.
const WIDTH = 1_200;
const ROW = 15;
/** Narrower frames cannot be seen, px. */
const NARROWEST = 0.6;
/** About as wide as a letter is, px. */
const LETTER = 6.2;

/** Where a frame's code comes from: heading, colour, and what its address looks like. First match counts. */
const ORIGINS = [
  ['this gateway', '#e4572e', /\/flame-dist\//],
  ['Nest, Fastify and their helpers', '#f3a712', /node_modules\//],
  ['Node.js', '#669bbc', /^node:/],
  ['engine and kernel', '#b8b8b8', /^$/],
];
const originOf = ({ url }) => ORIGINS.find(([, , pattern]) => pattern.test(url)) ?? ORIGINS.at(-1);
const IDLE = new Set(['(idle)', '(root)']);

/** @returns the tree of calls, equal calls of one caller together; `us` includes what a call calls */
export function callTree({ nodes, samples, timeDeltas }) {
  const own = new Map();
  samples.forEach((id, at) => own.set(id, (own.get(id) ?? 0) + Math.max(0, timeDeltas[at])));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const build = (siblings) => {
    const merged = new Map();
    for (const { id, callFrame, children = [] } of siblings) {
      if (IDLE.has(callFrame.functionName)) continue;
      const key = `${callFrame.functionName} ${callFrame.url}:${callFrame.lineNumber}`;
      const known = merged.get(key) ?? { callFrame, ownUs: 0, below: [] };
      known.ownUs += own.get(id) ?? 0;
      known.below.push(...children.map((child) => byId.get(child)));
      merged.set(key, known);
    }
    return [...merged.values()]
      .map(({ callFrame, ownUs, below }) => {
        const children = build(below);
        return { callFrame, ownUs, children, us: children.reduce((sum, { us }) => sum + us, ownUs) };
      })
      .sort((one, other) => other.us - one.us);
  };
  const children = build(nodes[0].children.map((id) => byId.get(id)));
  return { children, us: children.reduce((sum, { us }) => sum + us, 0) };
}

/** @returns [heading, share of all time] of whose code ran, largest first; what code calls in the engine is the engine's */
export function sharesByOrigin(tree) {
  const sums = new Map();
  const walk = ({ callFrame, ownUs, children }) => {
    const [heading] = originOf(callFrame);
    sums.set(heading, (sums.get(heading) ?? 0) + ownUs);
    children.forEach(walk);
  };
  tree.children.forEach(walk);
  return [...sums].map(([heading, us]) => [heading, us / tree.us]).sort(([, one], [, other]) => other - one);
}

/** @returns [folder, share] of the gateway's own folders under src */
export function sharesByFolder(tree) {
  const sums = new Map();
  const walk = ({ callFrame, ownUs, children }) => {
    const folder = /\/flame-dist\/([\w-]+)\//.exec(callFrame.url)?.[1];
    if (folder) sums.set(folder, (sums.get(folder) ?? 0) + ownUs);
    children.forEach(walk);
  };
  tree.children.forEach(walk);
  return [...sums].map(([folder, us]) => [folder, us / tree.us]).sort(([, one], [, other]) => other - one);
}

const escaped = (text) => text.replace(/[<>&"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** @returns an SVG document: callers above, what they call below, as wide as the time it takes */
export function flameGraph(tree, title) {
  const frames = [];
  let depth = 0;
  const draw = ({ callFrame, us, children }, x, row) => {
    const width = (us / tree.us) * WIDTH;
    if (width < NARROWEST) return;
    depth = Math.max(depth, row);
    const name = callFrame.functionName || '(anonymous)';
    const [, colour] = originOf(callFrame);
    const y = row * ROW;
    // Where on this machine a file lies is nobody's business.
    const place = callFrame.url.replace(/^.*\/(?:flame-dist|node_modules)\//, '').replace(/^file:.*\//, '');
    const tip = `${name} ${place} ${((us / tree.us) * 100).toFixed(1)} %`;
    const letters = Math.floor((width - 4) / LETTER);
    const label =
      letters < 3 ? '' : `<text x="${(x + 2).toFixed(1)}" y="${y + 11}">${escaped(name.slice(0, letters))}</text>`;
    frames.push(
      `<g><title>${escaped(tip)}</title><rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${ROW - 1}" fill="${colour}"/>${label}</g>`,
    );
    let at = x;
    for (const child of children) {
      draw(child, at, row + 1);
      at += (child.us / tree.us) * WIDTH;
    }
  };
  let at = 0;
  for (const child of tree.children) {
    draw(child, at, 3);
    at += (child.us / tree.us) * WIDTH;
  }
  const legend = ORIGINS.map(
    ([heading, colour], n) =>
      `<rect x="${n * 240}" y="20" width="12" height="12" fill="${colour}"/><text x="${n * 240 + 16}" y="30">${heading}</text>`,
  );
  const height = (depth + 1) * ROW;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="monospace" font-size="10">
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
<text x="0" y="12" font-size="12">${escaped(title)}</text>
${legend.join('\n')}
${frames.join('\n')}
</svg>
`;
}
