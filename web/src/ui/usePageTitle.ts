import { useEffect } from 'react';

/** Names the page in the tab and in the history. */
export function usePageTitle(title: string | null): void {
  useEffect(() => {
    document.title = title === null ? 'Nexus' : `${title} · Nexus`;
  }, [title]);
}
