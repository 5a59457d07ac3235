import { type FastifySchemaValidationError } from 'fastify/types/schema.js';
import { GatewayError } from '../kernel/gateway-error.js';

/** A refused member, named as OpenAI does: `messages[0].role`. */
export function validationError(problems: readonly FastifySchemaValidationError[]): GatewayError {
  const problem = deepest(problems);
  if (!problem) return new GatewayError('invalid_value');
  const missing = problem.params['missingProperty'];
  const param = [pathOf(problem.instancePath), typeof missing === 'string' ? missing : ''].filter(Boolean).join('.');
  const allowed = problem.params['allowedValues'];
  const choices = Array.isArray(allowed) ? `: ${allowed.filter((value) => value !== null).join(', ')}` : '';
  const said = typeof missing === 'string' ? 'is required' : (problem.message ?? 'is not allowed');
  return new GatewayError('invalid_value', {
    message: `'${param || 'body'}' ${said}${choices}.`,
    ...(param && { param }),
  });
}

/** Of the branches of a union the one that came furthest says most. */
function deepest(problems: readonly FastifySchemaValidationError[]): FastifySchemaValidationError | undefined {
  return [...problems].sort((a, b) => b.instancePath.length - a.instancePath.length)[0];
}

function pathOf(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d+$/.test(part) ? `[${part}]` : `.${part}`))
    .join('')
    .replace(/^\./, '')
    .slice(0, 128);
}
