import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsIn, IsInt, IsNumber, IsObject, IsOptional, IsString, Matches, Max, MaxLength, Min } from 'class-validator';

const DAY_MS = 86_400_000;
const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
const HOLDERS = ['key', 'team', 'org'] as const;
const LONGEST_FILE = 1_048_576;

/** A weight over that of the file, for a while. */
export class WeightDto {
  @ApiProperty({ description: "In place of the provider's weight; 0 leaves it for failover alone.", example: 10 })
  @IsNumber({ allowNaN: false, allowInfinity: false })
  @Min(0)
  @Max(1_000_000)
  weight!: number;

  @ApiProperty({ description: 'How long it holds, ms; at most a day.', example: 600_000 })
  @IsInt()
  @Min(1_000)
  @Max(DAY_MS)
  ttlMs!: number;
}

/** A candidate to compare with the configuration in force. */
export class CandidateDto {
  @ApiProperty({ description: 'The text of a gateway file. Send a file as it is with Content-Type: application/yaml.' })
  @IsString()
  @MaxLength(LONGEST_FILE)
  config!: string;
}

/** A version to go back to. */
export class RollbackDto {
  @ApiProperty({ description: 'A version of the history, or its first 8 or more digits.', example: '1f2e3d4c5b6a' })
  @Matches(/^[0-9a-f]{8,64}$/, { message: 'version must be 8 to 64 hexadecimal digits' })
  version!: string;
}

/** How much the process logs. */
export class LogLevelDto {
  @ApiProperty({ enum: LEVELS })
  @IsIn(LEVELS)
  level!: (typeof LEVELS)[number];
}

/** Which of the remembered requests to tell. */
export class RecentRequestsDto {
  @ApiProperty({ required: false, minimum: 1, maximum: 1_000, default: 100 })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(1_000)
  limit = 100;

  @ApiProperty({ required: false, description: 'Only requests for this model of the configuration.' })
  @IsOptional()
  @IsString()
  @MaxLength(256)
  model?: string;

  @ApiProperty({ required: false, description: 'Only requests with an attempt at this provider.' })
  @IsOptional()
  @IsString()
  @MaxLength(64)
  provider?: string;

  @ApiProperty({ required: false, description: 'Only requests that ended with this code of the error table.' })
  @IsOptional()
  @IsString()
  @MaxLength(64)
  code?: string;
}

/** A request to explain, as somebody would send it. */
export class ExplainDto {
  @ApiProperty({
    description: 'The body of a chat request.',
    example: { model: 'mock-model', messages: [{ role: 'user', content: 'hi' }] },
  })
  @IsObject()
  request!: object;

  @ApiProperty({ required: false, description: "The id of a key; absent: the anonymous caller's request." })
  @IsOptional()
  @IsString()
  @MaxLength(256)
  keyId?: string;

  @ApiProperty({
    required: false,
    description:
      'Headers by name. X-Priority, X-Provider-Priority, X-No-Failover, X-Request-Timeout-Ms and X-Stainless-Timeout are read.',
    example: { 'x-provider-priority': 'mock_openai' },
  })
  @IsOptional()
  @IsObject()
  headers?: Record<string, unknown>;
}

/** Whose usage to list. */
export class UsageQueryDto {
  @ApiPropertyOptional({ enum: HOLDERS, default: 'key' })
  @IsOptional()
  @IsIn(HOLDERS)
  by: (typeof HOLDERS)[number] = 'key';
}
