/** A curl command as a request. */
export interface CurlRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The words of a command; quotes keep spaces, and nothing is expanded. */
export function shellWords(command: string): string[] {
  return [...command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, bare]) => single ?? double ?? bare!,
  );
}

/** @throws Error for an option that the documentation does not use so far */
export function parseCurl(command: string): CurlRequest {
  const [name, ...words] = shellWords(command);
  if (name !== 'curl') throw new Error(`no curl command: ${command}`);
  let method = 'GET';
  let url = '';
  let body = '';
  const headers: Record<string, string> = {};
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '-X') method = words.shift()!;
    else if (word === '-d') body = words.shift()!;
    else if (word === '-H') {
      const [header, value] = words.shift()!.split(': ');
      headers[header!] = value!;
    } else if (word.startsWith('-')) {
      if (word !== '-N') throw new Error(`unknown option ${word}: ${command}`);
    } else url = `http://${word}`;
  }
  return { method, url, headers, body };
}
