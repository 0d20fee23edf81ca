import type { ChannelState } from '../api/live';
import { STATE_WORDS } from './words';

/** Where a channel is; its dot is red while it is on air. */
export function StateBadge({ state }: { state: ChannelState }) {
  return (
    <span className={`state-badge state-${state}`} data-testid="channel-state" data-state={state}>
      {STATE_WORDS[state]}
    </span>
  );
}
