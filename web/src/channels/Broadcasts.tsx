import { useCallback, useEffect, useEffectEvent, useRef } from 'react';
import { listBroadcasts, type Broadcast } from '../api/live';
import { PagedTable } from '../people/PagedTable';
import { Link } from '../state/router';
import { useNow } from '../ui/useNow';
import { usePages } from '../ui/usePages';
import { endWords, lengthWords } from './words';

const moment = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' });

/** What the channel sent before. `mark` changes when there is something new. */
export function Broadcasts({ id, mark }: { id: string; mark: string }) {
  const load = useCallback((after: string | null) => listBroadcasts(id, after), [id]);
  const pages = usePages(load);
  const seen = useRef(mark);
  const again = useEffectEvent(() => pages.reload());
  useEffect(() => {
    if (seen.current === mark) return;
    seen.current = mark;
    again();
  }, [mark]);
  return (
    <section className="panel" aria-labelledby="broadcasts-title">
      <h2 id="broadcasts-title">Broadcasts</h2>
      <PagedTable
        pages={pages}
        label="Broadcasts"
        heads={['Began', 'On air for', 'How it ended', 'Recording']}
        row={(broadcast) => <Row key={broadcast.id} broadcast={broadcast} />}
        testId="broadcasts"
      />
    </section>
  );
}

function Row({ broadcast }: { broadcast: Broadcast }) {
  const now = useNow();
  return (
    <tr data-reason={broadcast.reason ?? ''}>
      <th scope="row" className="digits">
        {moment.format(broadcast.started_ms)}
      </th>
      <td className="digits">{lengthWords(broadcast, Math.max(now, broadcast.live_ms ?? 0))}</td>
      <td>{endWords(broadcast)}</td>
      <td>{broadcast.asset !== null ? <Link href={`/watch/${broadcast.asset}`}>Watch</Link> : 'None'}</td>
    </tr>
  );
}
