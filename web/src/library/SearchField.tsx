import { useEffect, useRef, useState } from 'react';
import type { AssetFilter } from '../api/calls';
import { navigate } from '../state/router';
import { IconButton } from '../ui/Button';
import { Icon } from '../ui/Icon';
import { libraryPath } from './filter';

const DEBOUNCE_MS = 250;

/** Filters the library while one types; the query lives in the address. `/` brings the focus here. */
export function SearchField({ filter }: { filter: AssetFilter }) {
  const { q: query, state, visibility } = filter;
  const [text, setText] = useState(query);
  const input = useRef<HTMLInputElement>(null);

  useEffect(() => {
    const wanted = text.trim();
    if (wanted === query) return;
    const path = libraryPath({ q: wanted, state, visibility });
    const timer = setTimeout(() => navigate(path, { replace: true }), DEBOUNCE_MS);
    return () => clearTimeout(timer);
  }, [text, query, state, visibility]);

  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      if (event.key !== '/' || event.target !== document.body) return;
      event.preventDefault();
      input.current?.focus();
    };
    addEventListener('keydown', focus);
    return () => removeEventListener('keydown', focus);
  }, []);

  return (
    <search className="search">
      <Icon name="search" size={18} />
      <input
        ref={input}
        type="search"
        className="field"
        placeholder="Search titles"
        aria-label="Search the library"
        value={text}
        maxLength={200}
        data-testid="search"
        onChange={(event) => setText(event.target.value)}
      />
      {text !== '' && <IconButton icon="close" label="Clear the search" onClick={() => setText('')} />}
    </search>
  );
}
