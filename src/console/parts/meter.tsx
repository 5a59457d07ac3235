import { type Tone } from './badge';

interface MeterProps {
  readonly label: string;
  /** 0 to 1. */
  readonly share: number;
  /** On top of `share`: what is held back. */
  readonly held?: number;
  readonly tone?: Tone;
}

/** A bar that is filled so far. */
export function Meter({ label, share, held = 0, tone = 'plain' }: MeterProps) {
  const full = Math.min(1, Math.max(0, share));
  const rest = Math.min(1 - full, Math.max(0, held));
  return (
    <div
      class="meter"
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round((full + rest) * 100)}
    >
      <div class={`meter-fill meter-${tone}`} style={{ width: `${full * 100}%` }} />
      {rest > 0 && <div class="meter-held" style={{ width: `${rest * 100}%` }} />}
    </div>
  );
}
