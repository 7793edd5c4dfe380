using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;
using CrunSharp.Kernel.Files;

namespace CrunSharp.Kernel.Libc;

/// <summary>Hands a path to C as <see cref="PathEncoding"/> writes it, so that every name on disk can be named.</summary>
[CustomMarshaller(typeof(string), MarshalMode.ManagedToUnmanagedIn, typeof(ManagedToUnmanagedIn))]
internal static unsafe class PathMarshaller
{
    public ref struct ManagedToUnmanagedIn
    {
        private byte* _bytes;
        private bool _allocated;

        public static int BufferSize => 512;

        public void FromManaged(string? path, Span<byte> buffer)
        {
            if (path is null) return;
            if (path.Contains('\0')) throw new ArgumentException("a path contains a NUL character", nameof(path));
            var most = path.Length * 3 + 1;
            if (most > buffer.Length)
            {
                buffer = new Span<byte>(NativeMemory.Alloc((nuint)most), most);
                _allocated = true;
            }
            var length = PathEncoding.Encode(path, buffer);
            buffer[length] = 0;
            _bytes = (byte*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref MemoryMarshal.GetReference(buffer));
        }

        public readonly byte* ToUnmanaged() => _bytes;

        public readonly void Free()
        {
            if (_allocated) NativeMemory.Free(_bytes);
        }
    }
}
