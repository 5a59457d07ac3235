import { render } from 'preact';
import 'uplot/dist/uPlot.min.css';
import './styles/tokens.css';
import './styles/page.css';
import './styles/parts.css';
import './styles/panels.css';
import { Console } from './console';
import { applyTheme, storedTheme } from './theme';

applyTheme(storedTheme());
const root = document.getElementById('console');
if (root) render(<Console />, root);
