import { useEffect, useState } from 'react';
import { onFeedEvent } from '../catalogue/assets';
import { announcement } from './announce';
import { transfersStore } from './queue';

/** Reads upload and transcode milestones to a screen reader. */
export function Announcer() {
  const [text, setText] = useState('');
  useEffect(() => {
    let before = transfersStore.get();
    const say = (words: string) => words !== '' && setText(words);
    const stops = [
      transfersStore.subscribe(() => {
        const after = transfersStore.get();
        say(announcement(before, after));
        before = after;
      }),
      onFeedEvent((event) => {
        if (event.kind === 'asset.ready') say(`${event.asset.title} is ready to watch.`);
        if (event.kind === 'asset.failed') say(`${event.asset.title} failed. ${event.asset.reason ?? ''}`);
      }),
    ];
    return () => stops.forEach((stop) => stop());
  }, []);
  return (
    <div className="unseen" aria-live="polite" data-testid="announcer">
      {text}
    </div>
  );
}
