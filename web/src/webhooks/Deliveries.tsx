import { useEffect, useState } from 'react';
import { listDeliveries } from '../api/calls';
import { isAbort, reasonOf } from '../api/problem';
import type { Delivery, Webhook } from '../api/types';
import { timeAgo } from '../text/format';
import { useNow } from '../ui/useNow';
import { deliveryWords } from './words';

/** The newest deliveries; read again whenever the webhook was. */
export function Deliveries({ webhook }: { webhook: Webhook }) {
  const [deliveries, setDeliveries] = useState<Delivery[] | null>(null);
  const [error, setError] = useState<string | null>(null);
  const now = useNow();
  useEffect(() => {
    const abort = new AbortController();
    listDeliveries(webhook.id, abort.signal).then(
      (page) => {
        setDeliveries(page.items);
        setError(null);
      },
      (failure: unknown) => !isAbort(failure) && setError(reasonOf(failure)),
    );
    return () => abort.abort();
  }, [webhook]);
  if (error !== null) return <p className="small webhook-bad">{error}</p>;
  if (deliveries === null) return <p className="small soft">Loading…</p>;
  if (deliveries.length === 0) return <p className="small soft">Nothing was sent in the last seven days.</p>;
  return (
    <ul className="deliveries small" data-testid="deliveries">
      {deliveries.map((delivery) => (
        <li key={delivery.id} data-state={delivery.state}>
          <span className="code">{delivery.kind}</span>
          <span>{deliveryWords(delivery)}</span>
          <span className="soft digits">{timeAgo(delivery.created_ms, now)}</span>
        </li>
      ))}
    </ul>
  );
}
