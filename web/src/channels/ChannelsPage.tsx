import { useEffect, useState } from 'react';
import '../styles/people.css';
import '../styles/channels.css';
import { listChannels, type Channel } from '../api/live';
import { mayCreate, useSession } from '../session/session';
import { Link, navigate } from '../state/router';
import { timeAgo } from '../text/format';
import { VISIBILITY_WORDS } from '../catalogue/words';
import { Button } from '../ui/Button';
import { useNow } from '../ui/useNow';
import { usePages } from '../ui/usePages';
import { usePageTitle } from '../ui/usePageTitle';
import { NewChannelDialog } from './NewChannelDialog';
import { reveal } from './secrets';
import { StateBadge } from './StateBadge';

const REFRESH_MS = 5_000;

/** The tenant's channels and what they are doing. */
export default function ChannelsPage() {
  usePageTitle('Channels');
  const creator = mayCreate(useSession());
  const pages = usePages(listChannels);
  const [adding, setAdding] = useState(false);
  useRefresh(pages.reload, pages.items.length <= 50);
  return (
    <div className="page page-narrow" data-testid="channels">
      <div className="library-head">
        <h1 className="page-title">Channels</h1>
        {creator && (
          <Button look="primary" icon="plus" onClick={() => setAdding(true)} data-testid="add-channel">
            New channel
          </Button>
        )}
      </div>
      <p className="soft">
        Where you broadcast, again and again: an encoder sends, and everybody sees it live.
      </p>
      {pages.error !== null && (
        <p className="form-error" role="alert">
          {pages.error}
          <Button icon="replay" onClick={pages.reload}>
            Try again
          </Button>
        </p>
      )}
      {pages.loaded && pages.items.length === 0 && <p className="panel soft">There are none yet.</p>}
      <ul className="channels">
        {pages.items.map((channel) => (
          <Row key={channel.channel} channel={channel} creator={creator} />
        ))}
      </ul>
      {pages.more && (
        <div className="more">
          <Button busy={pages.busy} onClick={pages.more}>
            Show more
          </Button>
        </div>
      )}
      {adding && (
        <NewChannelDialog
          onClose={() => setAdding(false)}
          onMade={(made) => {
            reveal(made);
            navigate(`/channels/${made.channel}`);
          }}
        />
      )}
    </div>
  );
}

function Row({ channel, creator }: { channel: Channel; creator: boolean }) {
  const now = useNow();
  const since = channel.state === 'idle' ? null : timeAgo(channel.since_ms, Math.max(now, channel.since_ms));
  const watch = `/watch/live/${channel.channel}`;
  return (
    <li className="panel channel" data-testid="channel">
      <div className="channel-words">
        <Link className="channel-name" href={creator ? `/channels/${channel.channel}` : watch}>
          {channel.name}
        </Link>
        <span className="small soft">
          {[VISIBILITY_WORDS[channel.visibility].label, since].filter((words) => words !== null).join(' · ')}
        </span>
      </div>
      <StateBadge state={channel.state} />
      <Link className="button button-plain" href={watch} aria-label={`Watch ${channel.name}`}>
        Watch
      </Link>
    </li>
  );
}

/** The first page again and again, while nothing further is open. */
function useRefresh(reload: () => void, first: boolean): void {
  useEffect(() => {
    if (!first) return;
    const timer = setInterval(() => !document.hidden && reload(), REFRESH_MS);
    return () => clearInterval(timer);
  }, [reload, first]);
}
