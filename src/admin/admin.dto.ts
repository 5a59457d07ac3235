import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsInt, IsNumber, IsOptional, IsString, Matches, Max, MaxLength, Min } from 'class-validator';

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

/** Whose usage to list. */
export class UsageQueryDto {
  @ApiPropertyOptional({ enum: HOLDERS, default: 'key' })
  @IsOptional()
  @IsIn(HOLDERS)
  by: (typeof HOLDERS)[number] = 'key';
}
