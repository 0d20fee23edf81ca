import { useCallback, useEffect, useState } from 'react';
import '../styles/player.css';
import '../styles/seek.css';
import '../styles/overlays.css';
import '../styles/watch.css';
import '../styles/people.css';
import '../styles/live.css';
import '../styles/channels.css';
import { getChannel, getPulse, type Channel, type Pulse } from '../api/live';
import { isAbort, Problem, reasonOf } from '../api/problem';
import { mayCreate, useSession } from '../session/session';
import { usePolled } from '../operations/usePolled';
import { PageSpinner } from '../shell/pages';
import { Link } from '../state/router';
import { ageText } from '../text/format';
import { Button } from '../ui/Button';
import { Icon } from '../ui/Icon';
import { Notice } from '../ui/Notice';
import { usePageTitle } from '../ui/usePageTitle';
import { Broadcasts } from './Broadcasts';
import { Health } from './Health';
import { Preview } from './Preview';
import { RoomActions } from './RoomActions';
import { StateBadge } from './StateBadge';
import { WayIn } from './WayIn';
import { onAirNow, rungWords, windowWords } from './words';

const PULSE_MS = 2_000;

/** All about one channel for whom it belongs to: what comes, how it fares, who watches, and how to send. */
export default function RoomPage({ id }: { id: string }) {
  const creator = mayCreate(useSession());
  const { channel, missing, error, reload, replace } = useChannel(id);
  usePageTitle(channel?.name ?? 'Channel');
  if (missing || !creator) {
    return (
      <Notice icon="broadcast" title="There is no such channel for you">
        <p>It may have been deleted, or belong to somebody else.</p>
        <Link className="button button-primary" href="/channels">
          To the channels
        </Link>
      </Notice>
    );
  }
  if (channel) return <Room channel={channel} onChannel={replace} />;
  if (error === null) return <PageSpinner />;
  return (
    <Notice icon="alert" title="The channel could not be loaded">
      <p>{error}</p>
      <Button look="primary" icon="replay" onClick={reload}>
        Try again
      </Button>
    </Notice>
  );
}

function Room({ channel, onChannel }: { channel: Channel; onChannel: (channel: Channel) => void }) {
  const ask = useCallback((signal: AbortSignal) => getPulse(channel.channel, signal), [channel.channel]);
  const { value: pulse, error } = usePolled(ask, PULSE_MS);
  const state = pulse?.state ?? channel.state;
  return (
    <div className="page room" data-testid="room" data-state={state}>
      <header className="room-head">
        <div className="room-title">
          <p className="small">
            <Link href="/channels">Channels</Link>
          </p>
          <h1 className="page-title">{channel.name}</h1>
          <p className="soft digits live-line">
            <StateBadge state={state} />
            {pulse && state !== 'idle' && <span>for {ageText(pulse.now_ms - pulse.since_ms)}</span>}
            {pulse && onAirNow(state) && <Audience pulse={pulse} />}
          </p>
        </div>
        <RoomActions channel={channel} state={state} onChannel={onChannel} />
      </header>
      {error !== null && (
        <p className="form-error" role="status">
          <Icon name="alert" size={18} />
          {error}
        </p>
      )}
      <div className="room-body">
        <Preview channel={channel} onAir={onAirNow(state)} />
        <Warnings pulse={pulse} state={state} />
      </div>
      {pulse && onAirNow(state) && <Health pulse={pulse} />}
      <WayIn channel={channel} open={!onAirNow(state)} />
      <Choices channel={channel} />
      <Broadcasts id={channel.channel} mark={`${pulse?.broadcast?.id ?? ''} ${state}`} />
    </div>
  );
}

function Audience({ pulse }: { pulse: Pulse }) {
  const { viewers, latency_p50_ms: half, latency_p95_ms: most } = pulse;
  const late = half !== null && most !== null;
  return (
    <span data-testid="audience">
      {viewers === 1 ? '1 viewer' : `${viewers} viewers`}
      {late && `, ${(half / 1000).toFixed(1)} s behind you (95 %: ${(most / 1000).toFixed(1)} s)`}
    </span>
  );
}

function Warnings({ pulse, state }: { pulse: Pulse | null; state: Channel['state'] }) {
  const warnings = pulse?.warnings ?? [];
  const end = pulse?.broadcast?.reason != null ? pulse.broadcast : null;
  return (
    <section className="panel room-warnings" aria-labelledby="warnings-title" data-testid="warnings">
      <h2 id="warnings-title">{onAirNow(state) ? 'What to look at' : 'How to begin'}</h2>
      <div role="status">
        <ul>
          {warnings.map(({ code, text }) => (
            <li key={code} data-code={code}>
              <Icon name="alert" size={18} />
              {text}
            </li>
          ))}
          {warnings.length === 0 && <li className="soft">{calmWords(pulse, state, end !== null)}</li>}
        </ul>
      </div>
    </section>
  );
}

function calmWords(pulse: Pulse | null, state: Channel['state'], ended: boolean): string {
  if (!onAirNow(state)) {
    const before = ended ? 'The last broadcast is over. ' : '';
    return `${before}Copy the settings below into your encoder and start to stream; the picture appears here.`;
  }
  if (state === 'connecting') return 'The encoder is there. The picture appears in a moment.';
  if (pulse && !pulse.here) return 'Another server has this broadcast; its figures are shown there.';
  return 'All is well.';
}

function Choices({ channel }: { channel: Channel }) {
  const facts: [string, string][] = [
    ['Viewers can go back', windowWords(channel)],
    ['Other sizes', rungWords(channel)],
    ['Recording', channel.recording ? 'Each broadcast' : 'Off'],
  ];
  return (
    <section className="panel facts" aria-labelledby="choices-title">
      <h2 id="choices-title">Settings</h2>
      <dl className="fact-list">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function useChannel(id: string) {
  const [channel, setChannel] = useState<Channel | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const [request, setRequest] = useState(0);
  const reload = useCallback(() => setRequest((before) => before + 1), []);
  useEffect(() => {
    const abort = new AbortController();
    getChannel(id, abort.signal).then(
      (found) => {
        setChannel(found);
        setFailure(null);
      },
      (error: unknown) => !isAbort(error) && setFailure(error),
    );
    return () => abort.abort();
  }, [id, request]);
  const missing = failure instanceof Problem && failure.status === 404;
  return {
    channel,
    missing,
    error: failure === null ? null : reasonOf(failure),
    reload,
    replace: setChannel,
  };
}
