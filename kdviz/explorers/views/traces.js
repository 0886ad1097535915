// Two curves on a canvas, redrawn in every frame: thin axes, what each curve is worth now written at its end.

// From `low` to `high`, the logarithm where `log` is true; `steps` is the whole width.
export function trace(canvas, { low, high, ticks, log = false, steps, format }) {
  const bent = (value) => (log ? Math.log10(value) : value);
  const [floor, ceiling] = [bent(low), bent(high)];
  const self = { size: 0 };
  self.fit = () => {
    const zoom = Math.min(2, window.devicePixelRatio || 1);
    [canvas.width, canvas.height] = [Math.max(1, Math.round(canvas.clientWidth * zoom)), Math.round(canvas.clientHeight * zoom)];
    self.zoom = zoom;
  };
  self.draw = (first, second, count, { ink, quiet, faint, colours }) => {
    const pen = canvas.getContext("2d");
    const { width, height } = canvas;
    const { zoom } = self;
    const [left, right, top, bottom] = [30 * zoom, width - 8 * zoom, 8 * zoom, height - 8 * zoom];
    const up = (value) => bottom - ((bent(Math.min(high, Math.max(low, value))) - floor) / (ceiling - floor)) * (bottom - top);
    pen.clearRect(0, 0, width, height);
    pen.font = `${11 * zoom}px system-ui, sans-serif`;
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    pen.lineWidth = zoom;
    for (const tick of ticks) {
      pen.fillStyle = quiet;
      pen.fillText(format(tick), left - 6 * zoom, up(tick));
      pen.fillStyle = faint;
      pen.fillRect(left, Math.round(up(tick)), right - left, zoom);
    }
    pen.lineJoin = "round";
    for (let k = 1; k >= 0; k--) { // the first lies above
      const curve = k ? second : first;
      pen.strokeStyle = colours[k];
      pen.lineWidth = 2 * zoom;
      pen.beginPath();
      let [x, y] = [left, NaN];
      for (let i = 0; i < count; i++) {
        const value = curve[i];
        if (!(value >= 0)) continue;
        [x, y] = [left + ((right - left) * i) / steps, up(value)];
        pen.lineTo(x, y);
      }
      pen.stroke();
      if (y === y) {
        pen.beginPath();
        pen.arc(x, y, 3.5 * zoom, 0, 2 * Math.PI);
        pen.fillStyle = colours[k];
        pen.fill();
        pen.strokeStyle = ink;
        pen.lineWidth = zoom;
        pen.stroke();
      }
    }
  };
  return self;
}
