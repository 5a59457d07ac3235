import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A certificate for `localhost` that vouches for itself; needs openssl. */
export class SelfSignedCertificate {
  readonly #folder = mkdtempSync(join(tmpdir(), 'certificate-'));
  readonly #keyPath = join(this.#folder, 'key.pem');
  /** For NODE_EXTRA_CA_CERTS of whoever is to trust it. */
  readonly path = join(this.#folder, 'certificate.pem');

  constructor(days: number) {
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    const made = ['-newkey', 'rsa:2048', '-nodes', '-keyout', this.#keyPath, '-out', this.path, '-days', String(days)];
    execFileSync('openssl', ['req', '-x509', ...made, ...subject], { stdio: 'ignore' });
  }

  /** What a server needs. */
  get options(): { readonly key: Buffer; readonly cert: Buffer } {
    return { key: readFileSync(this.#keyPath), cert: readFileSync(this.path) };
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
