"use strict";
// What a page without script cannot do: another theme, a cross-hair, lines off and on, a range.
(() => {
	const NS = "http://www.w3.org/2000/svg", id = (name) => document.getElementById(name);
	const node = (parent, tag, attributes, text) => {
		const e = document.createElementNS(parent instanceof SVGElement ? NS : "http://www.w3.org/1999/xhtml", tag);
		Object.entries(attributes).forEach(([k, v]) => e.setAttribute(k, v));
		if (text !== undefined) e.textContent = text;
		return parent.appendChild(e);
	};
	const root = document.documentElement;
	id("theme").hidden = false;
	id("theme").onclick = () => {
		const now = root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
		root.dataset.theme = now === "dark" ? "light" : "dark";
	};

	const chart = id("chart");
	if (!chart) return;
	const from = +chart.dataset.from, until = +chart.dataset.until, unit = +chart.dataset.unit;
	const columns = +chart.dataset.columns, height = +chart.dataset.height, last = Math.max(columns - 1, 1);
	const plot = id("plot"), lines = id("lines"), tip = id("tip");
	let view = [0, last], low = 0, high = 1;
	// The value of a line after each column, and its extremes in it, out of its own path.
	const read = (path) => {
		const at = [], min = [], max = [];
		let x = 0, y = 0;
		const put = () => {
			at[x] = -y;
			min[x] = Math.min(min[x] ?? -y, -y), max[x] = Math.max(max[x] ?? -y, -y);
		};
		for (const [, op, rest] of path.getAttribute("d").matchAll(/([Mlv])([-\d ]+)/g)) {
			const v = rest.match(/-?\d+/g).map(Number);
			if (op === "M") [x, y] = v;
			else if (op === "l") x += v[0], y += v[1];
			if (op !== "v") put();
			else for (const d of v) y += d, put();
		}
		return { at, min, max };
	};
	const agents = [...lines.querySelectorAll("path")].map((path) => {
		const name = path.dataset.a, label = [...id("lbs").children].find((g) => g.dataset.a === name);
		return { name, path, label, on: true, ...read(path) };
	});
	const percent = (v, digits) => {
		const t = Math.abs(v * unit * 100).toFixed(digits);
		return (+t === 0 ? "" : v < 0 ? "\u2212" : "+") + t + "%";
	};
	const value = (a, x) => {
		while (x > 0 && a.at[x] === undefined) x--;
		return a.at[x];
	};
	// ---- range: the same scales as those of the page, for what is in view
	const drawValues = () => {
		const span = (high - low) * unit, power = 10 ** Math.floor(Math.log10(span / 7));
		const step = [1, 2, 5, 10].map((k) => k * power).find((s) => span / s < 7);
		const digits = Math.max(0, -Math.floor(Math.log10(step * 100) + 1e-9));
		for (const name of ["gy", "ya"]) id(name).replaceChildren();
		for (let k = Math.ceil(low * unit / step); k * step <= high * unit; k++) {
			const y = (high - k * step / unit) / (high - low) * height;
			node(id("gy"), "line", { x2: "100%", y1: y, y2: y, class: k === 0 ? "zero" : "" });
			node(id("ya"), "text", { x: "100%", y: y + 4 }, percent(k * step / unit, digits));
		}
	};
	const drawTimes = () => {
		const t0 = from + view[0] / last * (until - from), t1 = from + view[1] / last * (until - from), hour = 36e5;
		const step = [1, 2, 3, 6, 12, 24, 48, 168, 336, 672, 1344, 2688].map((h) => h * hour)
			.find((s) => (t1 - t0) / s < 8) || (t1 - t0) / 4;
		id("gx").replaceChildren();
		for (let t = Math.ceil((t0 - 4 * 24 * hour) / step) * step + 4 * 24 * hour, i = 0; t <= t1; t += step, i++) {
			const x = (t - t0) / (t1 - t0) * 100 + "%", day = new Date(t).toISOString();
			const g = node(id("gx"), "g", i % 2 ? { class: "w" } : {});
			node(g, "line", { x1: x, x2: x, y1: height, y2: height + 5 });
			node(g, "text", { x, y: height + 19 }, step < 24 * hour && t % (24 * hour) ? day.slice(11, 16)
				: `${+day.slice(8, 10)} ${"JanFebMarAprMayJunJulAugSepOctNovDec".substr(day.slice(5, 7) * 3 - 3, 3)}`);
		}
	};
	const drawLabels = () => {
		const list = agents.map((a) => ({ a, y: (high - value(a, view[1])) / (high - low) * height }));
		list.sort((p, q) => p.y - q.y);
		const gap = Math.min(15, (height - 12) / Math.max(list.length - 1, 1)), place = list.map((l) => l.y);
		for (let i = 0; i < list.length; i++) place[i] = Math.max(place[i], i ? place[i - 1] + gap : 7);
		for (let i = list.length - 1, end = height - 5; i >= 0; end = place[i] - gap, i--) place[i] = Math.min(place[i], end);
		list.forEach((l, i) => {
			l.a.label.querySelector("path").setAttribute("d", `M0 ${l.y}L10 ${place[i]}h3`);
			l.a.label.querySelector("text").setAttribute("y", place[i] + 4);
		});
	};
	const draw = () => {
		low = high = value(agents[0], view[1]);
		for (const a of agents.filter((b) => b.on))
			for (let x = Math.floor(view[0]); x <= view[1]; x++)
				if (a.at[x] !== undefined) low = Math.min(low, a.min[x]), high = Math.max(high, a.max[x]);
		const room = Math.max((high - low) * 0.04, 1);
		low -= room, high += room;
		lines.setAttribute("viewBox", `${view[0]} ${-high} ${view[1] - view[0]} ${high - low}`);
		drawValues(), drawTimes(), drawLabels();
	};
	const days = (until - from) / 864e5, range = id("range"), spans = [[0, "All"], [90, "90 days"], [30, "30 days"], [7, "7 days"], [1, "1 day"]]
			.filter(([d]) => d < days * 0.7 && (!d || d / days * columns > 12));
	for (const [d, text] of spans)
		node(range, "button", { type: "button", "aria-pressed": d === 0 }, text).onclick = (event) => {
			for (const b of range.children) b.setAttribute("aria-pressed", b === event.target);
			view = [d ? Math.round((1 - d / days) * last) : 0, last];
			draw();
		};
	range.hidden = spans.length < 2;

	// ---- legend: the labels
	const mark = (a) => {
		lines.classList.toggle("dim", !!a && a.on);
		for (const b of agents) b.path.classList.toggle("hot", b === a);
	};
	for (const a of agents) {
		Object.entries({ tabindex: 0, role: "button", "aria-pressed": true }).forEach(([k, v]) => a.label.setAttribute(k, v));
		const toggle = () => {
			a.label.setAttribute("aria-pressed", a.on = !a.on);
			for (const e of [a.path, a.label]) e.classList.toggle("off", !a.on);
			mark(a);
		};
		a.label.onclick = toggle;
		a.label.onkeydown = (event) => (event.key === "Enter" || event.key === " ") && (event.preventDefault(), toggle());
		a.label.onpointerenter = a.label.onfocus = () => mark(a);
		a.label.onpointerleave = a.label.onblur = () => mark(null);
	}

	// ---- cross-hair
	const cross = node(plot, "line", { id: "cross", y2: height, visibility: "hidden" });
	const shownAt = (x) => x + 1 >= columns ? until : from + (Math.ceil((x + 1) / columns * (until - from) / 3e5) - 1) * 3e5;
	const show = (share) => {
		const x = Math.round(view[0] + share * (view[1] - view[0])), where = (x - view[0]) / (view[1] - view[0]);
		const shown = agents.filter((a) => a.on && value(a, x) !== undefined).sort((a, b) => value(b, x) - value(a, x));
		Object.entries({ x1: where * 100 + "%", x2: where * 100 + "%", visibility: "visible" })
			.forEach(([k, v]) => cross.setAttribute(k, v));
		tip.replaceChildren();
		node(tip, "b", {}, new Date(shownAt(x)).toISOString().slice(0, 16).replace("T", " "));
		for (const a of shown) {
			const row = node(tip, "span", { class: a.path.getAttribute("class").replace("ln ", "") });
			node(row, "i", {}), row.append(a.name), node(row, "em", {}, percent(value(a, x), 2));
		}
		tip.hidden = false;
		const box = plot.getBoundingClientRect(), left = box.left - chart.getBoundingClientRect().left + where * box.width;
		tip.style.left = (where > 0.5 ? Math.max(0, left - tip.offsetWidth - 12) : left + 12) + "px";
	};
	plot.onpointermove = plot.onpointerdown = (event) => {
		const box = plot.getBoundingClientRect();
		show(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)));
	};
	plot.onpointerleave = () => (tip.hidden = true, cross.setAttribute("visibility", "hidden"));
})();
