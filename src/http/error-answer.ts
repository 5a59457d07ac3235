import { HttpException } from '@nestjs/common';
import { type FastifyError } from 'fastify';
import { type ErrorCode, GatewayError } from '../kernel/gateway-error.js';
import { UpstreamFailure } from '../kernel/upstream.js';
import { validationError } from './validation-error.js';

/** Fastify's own refusals, by its error codes. */
const FASTIFY_CODES: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'request_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'bad_request',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'invalid_json',
  FST_ERR_CTP_INVALID_JSON_BODY: 'invalid_json',
  FST_ERR_BAD_URL: 'not_found',
  FST_ERR_MAX_PARAM_LENGTH: 'not_found',
  FST_ERR_NOT_FOUND: 'not_found',
};

const HTTP_CODES: Readonly<Record<number, ErrorCode>> = {
  400: 'invalid_value',
  401: 'invalid_api_key',
  403: 'permission_denied',
  404: 'not_found',
  405: 'method_not_allowed',
  408: 'request_timeout',
  413: 'request_too_large',
  415: 'unsupported_media_type',
  431: 'headers_too_large',
};

/** Any error as the one that the caller is told; what is unknown says nothing of itself. */
export function toGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  // An answer that was taken for good, and turned out to be none when it was filtered.
  if (error instanceof UpstreamFailure) return new GatewayError('upstream_error', { cause: error });
  if (!(error instanceof Error)) return new GatewayError('internal_error');
  const { code, validation } = error as Partial<FastifyError>;
  if (validation) return validationError(validation);
  const known = code === undefined ? undefined : FASTIFY_CODES[code];
  if (known) return new GatewayError(known);
  if (error instanceof HttpException) {
    const byStatus = HTTP_CODES[error.getStatus()];
    if (byStatus) return new GatewayError(byStatus);
  }
  return new GatewayError('internal_error', { cause: error });
}
