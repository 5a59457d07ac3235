export interface Frame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}
export interface Profile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: Frame; readonly children?: readonly number[] }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}
export interface Call {
  readonly callFrame: Frame;
  readonly us: number;
  readonly ownUs: number;
  readonly children: readonly Call[];
}
export interface CallTree {
  readonly us: number;
  readonly children: readonly Call[];
}
export function callTree(profile: Profile): CallTree;
export function sharesByOrigin(tree: CallTree): [string, number][];
export function sharesByFolder(tree: CallTree): [string, number][];
export function flameGraph(tree: CallTree, title: string): string;
