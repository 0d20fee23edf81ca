import { useState } from 'react';
import { createPlaybackToken } from '../api/calls';
import type { Asset } from '../api/types';
import { mayCreate, useSession } from '../session/session';
import { Button } from '../ui/Button';
import { FormError } from '../ui/FormError';
import { useAction } from '../ui/useAction';
import { withToken, type ShareLinks } from './share';

const HOUR_S = 3600;
/** The server makes none that last longer than seven days. */
const LIFETIMES = [
  { seconds: HOUR_S, label: '1 hour' },
  { seconds: 24 * HOUR_S, label: '1 day' },
  { seconds: 7 * 24 * HOUR_S, label: '7 days' },
];
const dateTime = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' });

interface PrivateLinksProps {
  asset: Asset;
  onLinks: (links: ShareLinks) => void;
}

/** Links to a private asset: creators make them, others are told who can. */
export function PrivateLinks(props: PrivateLinksProps) {
  const creator = mayCreate(useSession());
  if (creator) return <LinkMaker {...props} />;
  return <p className="soft small">This is private. A creator can make a link to it.</p>;
}

/** Asks how long a link shall work, and makes it. */
function LinkMaker({ asset, onLinks }: PrivateLinksProps) {
  const [seconds, setSeconds] = useState(24 * HOUR_S);
  const [expires, setExpires] = useState<number | null>(null);
  const { busy, error, run } = useAction();
  const make = () =>
    run(async () => {
      const { token, watch, hls, dash, expires_ms } = await createPlaybackToken(asset.id, seconds);
      setExpires(expires_ms);
      onLinks({ watch, embed: withToken(asset.embed, token), hls, dash });
    });
  return (
    <div className="private-links">
      <p className="soft small">This is private. A link works for whoever has it, until it expires.</p>
      <div className="copy-row">
        <select
          className="field"
          aria-label="How long the link works"
          value={seconds}
          onChange={(event) => setSeconds(Number(event.target.value))}
        >
          {LIFETIMES.map((lifetime) => (
            <option key={lifetime.seconds} value={lifetime.seconds}>
              Works for {lifetime.label}
            </option>
          ))}
        </select>
        <Button look="primary" icon="link" busy={busy} onClick={make} data-testid="make-link">
          Make link
        </Button>
      </div>
      <FormError text={error} />
      {expires !== null && <p className="small">Expires {dateTime.format(expires)}.</p>}
    </div>
  );
}
