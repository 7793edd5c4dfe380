using System.Buffers.Binary;
using System.Runtime.InteropServices;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Kernel.Processes;

/// <summary>
/// The flat list of system calls that the stage carries out between clone and exec, with the data they point to.
/// The typed calls are in <c>StageCalls.cs</c>; what carries them out is <c>Stage/stage.c</c>.
/// </summary>
public sealed partial class StagePlan
{
    // The structures of stage.c: a header of 16 bytes, steps of 96 bytes, and the data at a fixed place behind them.
    internal const ulong Address = 0x2000000000;
    internal const int DataOffset = 256 * 1024;
    internal const int StepSize = 96;
    private const int HeaderSize = 16;
    private const uint Magic = 0x47545343;
    private const int MostSteps = (DataOffset - HeaderSize) / StepSize;

    private const uint Expect = 1;
    private const uint RetryAgain = 2;
    private const uint Store32 = 4;

    private readonly List<Step> _steps = [];
    private readonly List<SafeHandle> _inherited = [];
    private byte[] _data = new byte[4096];
    private int _length = 8;
    private string _operation = "start the process";
    private string? _spec;

    /// <summary>How many steps there are.</summary>
    public int Count => _steps.Count;

    /// <summary>The step that the cloned child goes on with; 0 when nothing is cloned.</summary>
    internal int FirstChildStep { get; private set; }

    internal IReadOnlyList<SafeHandle> Inherited => _inherited;

    /// <summary>Says what the following steps are for: an error names it.</summary>
    /// <param name="operation">Such as <c>mount /proc</c>.</param>
    /// <param name="spec">The section of a specification, such as <c>config.md#mounts</c>.</param>
    public StagePlan For(string operation, string? spec = null)
    {
        (_operation, _spec) = (operation, spec);
        return this;
    }

    /// <summary>Lets the stage inherit an open file under the same number.</summary>
    public StageValue Inherit(SafeHandle handle)
    {
        _inherited.Add(handle);
        return (int)handle.DangerousGetHandle();
    }

    /// <summary>Eight bytes that a step stores its result in and later ones take as an argument.</summary>
    public StageValue NewSlot() => StageValue.Slot(Reserve(8));

    /// <summary>Data for steps to point to; its address.</summary>
    public ulong Data(ReadOnlySpan<byte> bytes)
    {
        var address = Reserve(bytes.Length);
        bytes.CopyTo(_data.AsSpan((int)(address - Address) - DataOffset));
        return address;
    }

    /// <summary>A NUL-terminated string; its address.</summary>
    public ulong Text(string text)
    {
        if (text.Contains('\0')) throw CrunException.Invalid("a NUL character is not allowed here", _operation, _spec);
        var bytes = PathEncoding.Encode(text);
        var address = Reserve(bytes.Length + 1);
        bytes.CopyTo(_data.AsSpan((int)(address - Address) - DataOffset));
        return address;
    }

    /// <summary>A NULL-terminated array of strings, as argv and envp are; its address.</summary>
    public ulong Texts(IReadOnlyList<string> texts)
    {
        var pointers = new byte[(texts.Count + 1) * 8];
        for (var i = 0; i < texts.Count; i++)
            BinaryPrimitives.WriteUInt64LittleEndian(pointers.AsSpan(i * 8), Text(texts[i]));
        return Data(pointers);
    }

    /// <summary>A place to go on at, before or after it is known where.</summary>
    public void Place(StageLabel label) => label.Step = _steps.Count;

    internal ulong Structure<T>(T value) where T : unmanaged => Data(MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)));

    internal ulong Reserve(int size)
    {
        var at = (_length + 7) & ~7;
        if (at + size > _data.Length) Array.Resize(ref _data, Math.Max(_data.Length * 2, at + size));
        _length = at + size;
        return Address + DataOffset + (ulong)at;
    }

    internal Step Add(long number, params ReadOnlySpan<StageValue> arguments)
    {
        if (_steps.Count == MostSteps)
            throw CrunException.Invalid($"the container needs more than {MostSteps} steps to start", _operation, _spec);
        var step = new Step { Number = number, Operation = _operation, Spec = _spec };
        for (var i = 0; i < arguments.Length; i++)
        {
            step.Arguments[i] = arguments[i].Value;
            if (arguments[i].IsSlot) step.Indirect |= 1u << i;
        }
        _steps.Add(step);
        return step;
    }

    /// <summary>The plan as stage.c reads it.</summary>
    internal (byte[] Steps, ReadOnlyMemory<byte> Data) Write(int report)
    {
        var steps = new byte[HeaderSize + _steps.Count * StepSize];
        BinaryPrimitives.WriteUInt32LittleEndian(steps, Magic);
        BinaryPrimitives.WriteInt32LittleEndian(steps.AsSpan(4), _steps.Count);
        BinaryPrimitives.WriteInt32LittleEndian(steps.AsSpan(8), report);
        for (var i = 0; i < _steps.Count; i++) _steps[i].Write(steps.AsSpan(HeaderSize + i * StepSize, StepSize));
        return (steps, _data.AsMemory(0, _length));
    }

    /// <summary>The error of a step that failed.</summary>
    internal CrunException Failure(int index, Errno errno)
    {
        if (index < 0 || index >= _steps.Count)
            return new CrunException(ErrorKind.System, $"the stage reports step {index} of {_steps.Count}");
        var step = _steps[index];
        var call = StageCallText.Describe(step, ReadText);
        errno = step.FailsWith ?? errno;
        return errno == Errno.None
            ? new CrunException(ErrorKind.System, $"{call} gave an unexpected result", step.Operation, spec: step.Spec)
            : new CrunException(step.Kind ?? ErrorKind.System, step.Reason ?? "", step.Operation, errno, call, step.Spec);
    }

    private string? ReadText(ulong address)
    {
        var at = (long)(address - Address) - DataOffset;
        if (at < 0 || at >= _length) return null;
        var bytes = _data.AsSpan((int)at, _length - (int)at);
        var end = bytes.IndexOf((byte)0);
        return end < 0 ? null : PathEncoding.Decode(bytes[..end]);
    }

    /// <summary>One system call of a plan, and what its result means.</summary>
    public sealed class Step
    {
        internal long Number { get; init; }
        internal ulong[] Arguments { get; } = new ulong[6];
        internal uint Indirect { get; set; }
        internal string Operation { get; init; } = "";
        internal string? Spec { get; init; }
        internal ErrorKind? Kind { get; private set; }
        internal string? Reason { get; private set; }

        private readonly Errno[] _tolerated = new Errno[4];
        private ulong _result;
        private long _expected;
        private uint _flags;
        private StageLabel? _onTolerated;
        private StageLabel? _onZero;

        /// <summary>Stores the result in a slot.</summary>
        public Step Into(StageValue slot)
        {
            if (!slot.IsSlot) throw new ArgumentException("a result goes into a slot", nameof(slot));
            _result = slot.Value;
            return this;
        }

        /// <summary>Goes on, at the next step or at <paramref name="then"/>, when the call fails with one of these.</summary>
        public Step Tolerating(ReadOnlySpan<Errno> errors, StageLabel? then = null)
        {
            errors.CopyTo(_tolerated);
            _onTolerated = then;
            return this;
        }

        /// <summary>What kind of error a failure is, and what to tell.</summary>
        public Step FailingAs(ErrorKind kind, string reason)
        {
            (Kind, Reason) = (kind, reason);
            return this;
        }

        internal Errno? FailsWith { get; private set; }

        /// <summary>What error number a failed check stands for.</summary>
        internal Step FailingWith(Errno errno)
        {
            FailsWith = errno;
            return this;
        }

        internal Step Into32(ulong address)
        {
            (_result, _flags) = (address, _flags | Store32);
            return this;
        }

        internal Step Expecting(long result)
        {
            (_expected, _flags) = (result, _flags | Expect);
            return this;
        }

        internal Step RetryingAgain()
        {
            _flags |= RetryAgain;
            return this;
        }

        internal Step OnZero(StageLabel then)
        {
            _onZero = then;
            return this;
        }

        internal void Write(Span<byte> to)
        {
            BinaryPrimitives.WriteInt64LittleEndian(to, Number);
            for (var i = 0; i < 6; i++) BinaryPrimitives.WriteUInt64LittleEndian(to[(8 + i * 8)..], Arguments[i]);
            BinaryPrimitives.WriteUInt64LittleEndian(to[56..], _result);
            BinaryPrimitives.WriteInt64LittleEndian(to[64..], _expected);
            for (var i = 0; i < 4; i++) BinaryPrimitives.WriteUInt16LittleEndian(to[(72 + i * 2)..], (ushort)_tolerated[i]);
            BinaryPrimitives.WriteInt32LittleEndian(to[80..], StepOf(_onTolerated));
            BinaryPrimitives.WriteInt32LittleEndian(to[84..], StepOf(_onZero));
            BinaryPrimitives.WriteUInt32LittleEndian(to[88..], Indirect);
            BinaryPrimitives.WriteUInt32LittleEndian(to[92..], _flags);
        }

        private static int StepOf(StageLabel? label) =>
            label is null ? 0
            : label.Step > 0 ? label.Step
            : throw new InvalidOperationException("a plan goes on at a label that was never placed");
    }
}
