export interface Component {
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
  readonly licenses?: readonly unknown[];
}
export interface Bom {
  readonly bomFormat: 'CycloneDX';
  readonly serialNumber: string;
  readonly metadata: { readonly component: { readonly name: string; readonly version: string } };
  readonly components: readonly Component[];
}
/** The bill of materials of what the image installs; equal for equal lockfiles. */
export function sbom(): Bom;
