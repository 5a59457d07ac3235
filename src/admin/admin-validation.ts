import { ValidationPipe } from '@nestjs/common';
import { GatewayError } from '../kernel/gateway-error.js';

/** Checks the bodies of the operations API; unknown members are refused. */
export const adminValidation = new ValidationPipe({
  transform: true,
  whitelist: true,
  forbidNonWhitelisted: true,
  stopAtFirstError: true,
  exceptionFactory: ([problem]) =>
    new GatewayError('invalid_value', {
      message: `${Object.values(problem?.constraints ?? {})[0] ?? 'The body is not allowed'}.`,
      ...(problem && { param: problem.property }),
    }),
});
